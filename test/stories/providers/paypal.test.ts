import { tellStories } from './tell-stories.ts';

await tellStories('paypal');
