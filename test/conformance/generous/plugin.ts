/** Refunds what is left where more is asked for. */
export { default } from '../coin/wrong/refund-cut-down.ts';
