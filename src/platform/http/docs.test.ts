import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { sampleApp, type SampleApp } from './test-app/sample-app.ts';

let sample: SampleApp;
beforeAll(async () => {
  sample = await sampleApp();
});
afterAll(() => sample.close());

interface Document {
  readonly openapi: string;
  readonly paths: Record<
    string,
    Record<string, { security?: unknown; parameters?: { name: string; in: string }[]; requestBody?: unknown }>
  >;
  readonly components: { schemas: Record<string, unknown> };
}

test('/openapi.json describes routes, bodies, queries and who may call', async () => {
  const document = (await sample.app.inject('/openapi.json')).json<Document>();
  expect(document.openapi).toBe('3.1.0');
  const keys = document.paths['/v1/api-keys'];
  expect(keys?.['get']).toMatchObject({ security: [{ bearer: [] }] });
  expect(keys?.['get']?.parameters?.map(({ name }) => name).toSorted()).toEqual(['cursor', 'limit']);
  expect(JSON.stringify(keys?.['post']?.requestBody)).toContain('#/components/schemas/NewApiKey');
  expect(document.components.schemas).toMatchObject({ Money: { type: 'object', properties: { amount: { type: 'string' } } } });
  expect(document.paths['/v1/samples/once']?.['post']?.parameters).toContainEqual(
    expect.objectContaining({ name: 'Idempotency-Key', in: 'header', required: true }),
  );
  expect(document.paths['/health/live']).toBeUndefined();
});

test('/docs shows it with files of our own, under a policy that allows nothing else', async () => {
  const page = await sample.app.inject('/docs');
  expect(page.headers['content-type']).toContain('text/html');
  expect(page.headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self';/);
  const files = [...page.body.matchAll(/(?:src|href)="(\/docs\/[^"]+)"/g)].map(([, file]) => file ?? '');
  expect(files).toHaveLength(4);
  for (const file of files) expect([file, (await sample.app.inject(file)).statusCode]).toEqual([file, 200]);
  expect(page.body).not.toMatch(/https?:\/\//);
});

test.each(['/docs/package.json', '/docs/..%2fpackage.json', '/docs/index.html', '/docs/constructor'])('%s is not served', async (url) => {
  expect((await sample.app.inject(url)).statusCode).toBe(404);
});
