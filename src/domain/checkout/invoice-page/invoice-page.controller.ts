/** `/i/{token}`, the address that letters name (`invoice.payUrl`): what an invoice is for, what is paid, and the way to the payment page. */
import { Controller, Get, Headers, Param, Post, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { isKassaflowError } from '../../../kernel/errors.ts';
import { Public } from '../../../platform/auth/access.ts';
import { TakesRawBody } from '../../../platform/http/raw-body.ts';
import { localeOf } from '../page/page-texts.ts';
import { renderNotFound } from '../page/pay-page.ts';
import { sendPage } from '../page/send-page.ts';
import { renderInvoice } from './invoice-page.ts';
import { InvoicePages, type OpenedInvoice } from './invoice-pages.service.ts';

@ApiExcludeController()
@Public()
@Controller('i')
export class InvoicePageController {
  constructor(private readonly pages: InvoicePages) {}

  @Get(':token')
  async page(
    @Param('token') token: string,
    @Headers('accept-language') languages: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const opened = await this.#open(token, languages, reply);
    if (opened) await sendPage(reply, renderInvoice(await this.pages.page(opened, { token, languages, problem: false })));
  }

  /** The button: on to the payment page. Nothing is read from the form. */
  @Post(':token')
  @TakesRawBody()
  async pay(
    @Param('token') token: string,
    @Headers('accept-language') languages: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const opened = await this.#open(token, languages, reply);
    if (!opened) return;
    try {
      const location = (await this.pages.pay(opened)) ?? `/i/${token}`;
      await reply.status(303).header('location', location).header('cache-control', 'no-store').send();
    } catch (error) {
      if (!isKassaflowError(error) || error.spec.status >= 500) throw error;
      await sendPage(reply.status(error.spec.status), renderInvoice(await this.pages.page(opened, { token, languages, problem: true })));
    }
  }

  /** `undefined`: there is no such page, and that was said. */
  async #open(token: string, languages: string | undefined, reply: FastifyReply): Promise<OpenedInvoice | undefined> {
    const opened = await this.pages.open(token);
    if (!opened) await sendPage(reply.status(404), renderNotFound(localeOf('', languages)));
    return opened;
  }
}
