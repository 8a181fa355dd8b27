export { CreditPackageEntity } from './credit-package.entity.ts';
export { CreditPackages } from './credit-packages.service.ts';
export { CreditsModule } from './credits.module.ts';
export { Credits } from './credits.service.ts';
