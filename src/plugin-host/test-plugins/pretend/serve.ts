/** The smallest pretend provider: echoes what it got, and exits at `/pretend/exit`. */
import { createServer } from 'node:http';

const server = createServer((request, response) => {
  if (request.url === '/pretend/exit') process.exit(1);
  let body = '';
  request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
  request.on('end', () => response.writeHead(201, { 'x-pid': String(process.pid) }).end(`${request.method} ${request.url} ${body}`));
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ ready: true, port: typeof address === 'object' ? address?.port : 0 });
});
process.once('disconnect', () => process.exit());
