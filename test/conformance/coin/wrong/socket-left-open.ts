/** Loading the plugin opens a socket, which nobody closes. */
import { createServer } from 'node:net';
import { coinPlugin } from '../coin-plugin.ts';

createServer().listen(0, '127.0.0.1');

export default coinPlugin();
