import { defineErrors } from '../../kernel/errors.ts';

export const portalErrors = defineErrors('portal', {
  origin: {
    status: 422,
    title: 'This is not the origin of a portal',
    remedy: 'fix',
    help: 'An origin is scheme, host and port alone: https://shop.example. In test mode, http is taken for this computer.',
  },
});
