export { CustomerEntity } from './customer.entity.ts';
export { customerErrors } from './customer.errors.ts';
export { CustomersModule } from './customers.module.ts';
export { Customers } from './customers.service.ts';
