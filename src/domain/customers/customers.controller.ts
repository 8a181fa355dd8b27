import { Body, Controller, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { isKassaflowError } from '../../kernel/errors.ts';
import { uuidOf } from '../../kernel/ids.ts';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { pageFields, pageOf, readCursor } from '../../platform/http/page.ts';
import { Paged } from '../../platform/http/paged.ts';
import { normalizePhone } from './phone.ts';
import { Customers, type CustomerDetails } from './customers.service.ts';

const fields = {
  reference: z.string().min(1).max(128).nullable().meta({ description: 'Your own name for this customer, unique' }),
  name: z.string().trim().min(1).max(200),
  firstName: z.string().trim().max(100),
  email: z.union([z.literal(''), z.email().max(254)]),
  phone: z.string().max(64).meta({ description: 'With the country code, or with the field country', example: '+31612345678' }),
  locale: z
    .string()
    .regex(/^[a-z]{2}(-[A-Z]{2})?$/)
    .meta({ example: 'nl' }),
};
const country = z
  .string()
  .regex(/^[A-Z]{2}$/)
  .meta({ description: 'ISO 3166 code, for a phone number without +', example: 'NL' });

const createCustomer = z
  .strictObject({
    ...fields,
    reference: fields.reference.default(null),
    firstName: fields.firstName.default(''),
    email: fields.email.default(''),
    phone: fields.phone.default(''),
    locale: fields.locale.default('en'),
    country: country.optional(),
  })
  .transform(normalized)
  .meta({ id: 'CreateCustomer' });
const updateCustomer = z
  .strictObject({ ...fields, country })
  .partial()
  .transform(normalized)
  .meta({ id: 'UpdateCustomer' });
const listCustomers = z.strictObject({ ...pageFields, reference: fields.reference.unwrap().optional() });

@ApiTags('customers')
@Controller('v1/customers')
export class CustomersController {
  constructor(private readonly customers: Customers) {}

  @Post()
  @Requires('customers:write')
  create(@CurrentCaller() caller: Caller, @Body({ schema: createCustomer }) body: CustomerDetails) {
    return this.customers.create(caller.tenantId, body);
  }

  @Get()
  @Requires('customers:read')
  @Paged()
  async list(@CurrentCaller() caller: Caller, @Query({ schema: listCustomers }) query: z.infer<typeof listCustomers>) {
    const filter = { reference: query.reference };
    const after = readCursor(query.cursor, filter)?.[0];
    const rows = await this.customers.list(caller.tenantId, {
      limit: query.limit + 1,
      after: after === undefined ? undefined : uuidOf('cus', after),
      ...filter,
    });
    return pageOf(
      rows,
      { limit: query.limit, filter },
      ({ id }) => [id],
      (customer) => customer,
    );
  }

  @Get(':id')
  @Requires('customers:read')
  get(@CurrentCaller() caller: Caller, @Param('id') id: string) {
    return this.customers.get(caller.tenantId, uuidOf('cus', id));
  }

  @Patch(':id')
  @Requires('customers:write')
  update(@CurrentCaller() caller: Caller, @Param('id') id: string, @Body({ schema: updateCustomer }) body: Partial<CustomerDetails>) {
    return this.customers.update(caller.tenantId, uuidOf('cus', id), body);
  }
}

/** Puts the phone number in its one form; what is wrong with it is a problem of the field, like any other. */
function normalized<T extends { phone?: string | undefined; country?: string | undefined }>(
  { country: from, ...details }: T,
  context: z.core.ParsePayload,
): Omit<T, 'country'> {
  if (details.phone === undefined || details.phone === '') return details;
  try {
    return { ...details, phone: normalizePhone(details.phone, from) };
  } catch (error) {
    if (!isKassaflowError(error)) throw error;
    context.issues.push({ code: 'custom', message: error.spec.title, path: ['phone'], input: undefined, params: { code: error.code } });
    return z.NEVER;
  }
}
