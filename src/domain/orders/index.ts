export { OrderEntity } from './order.entity.ts';
export { OrdersModule } from './orders.module.ts';
export { Orders } from './orders.service.ts';
