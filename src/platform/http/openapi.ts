/** The OpenAPI 3.1 document, made from the controllers and their schemas when it is first asked for. */
import { Injectable, type INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';

@Injectable()
export class OpenApi {
  #make: (() => OpenAPIObject) | undefined;
  #document: OpenAPIObject | undefined;

  /** Names the application to describe. */
  describe(app: INestApplication, version: string): void {
    const config = new DocumentBuilder()
      .setOpenAPIVersion('3.1.0')
      .setTitle('Kassaflow')
      .setDescription('Durable automation of what happens around payments. Errors are RFC 9457 problems; their codes are stable.')
      .setVersion(version)
      .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
      .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'kf_test_… or kf_live_…' })
      .build();
    this.#make = () => SwaggerModule.createDocument(app, config);
    this.#document = undefined;
  }

  /** The document; the routes must be registered, which they are once the application listens. */
  get document(): OpenAPIObject | undefined {
    this.#document ??= this.#make?.();
    return this.#document;
  }
}
