export { adviceFor, type DeclineAdvice } from './decline-advice.ts';
