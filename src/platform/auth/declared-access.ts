/** Refuses to start while a route does not say who may use it. */
import { Injectable, RequestMethod, type OnApplicationBootstrap } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/internal';
import { DiscoveryService, MetadataScanner, Reflector } from '@nestjs/core';
import { defineErrors } from '../../kernel/errors.ts';
import { ACCESS } from './access.ts';

const accessErrors = defineErrors('access', {
  undeclared: {
    status: 500,
    title: 'A route does not declare who may use it',
    remedy: 'fix',
    help: 'Put @Requires(scope) or @Public() on it.',
  },
});

@Injectable()
export class DeclaredAccess implements OnApplicationBootstrap {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly reflector: Reflector,
  ) {}

  /** @throws access.undeclared */
  onApplicationBootstrap(): void {
    const undeclared = this.routes().filter(({ declared }) => !declared);
    if (undeclared.length > 0) throw accessErrors.undeclared({ routes: undeclared.map(({ name }) => name).join(', ') });
  }

  /** Every handler of every controller. */
  routes(): { readonly name: string; readonly declared: boolean }[] {
    return this.discovery.getControllers().flatMap(({ metatype, instance }) => {
      if (typeof metatype !== 'function' || typeof instance !== 'object' || instance === null) return [];
      const prototype: unknown = Object.getPrototypeOf(instance);
      if (typeof prototype !== 'object' || prototype === null) return [];
      return this.scanner.getAllMethodNames(prototype).flatMap((method) => {
        const handler: unknown = Reflect.get(prototype, method);
        if (typeof handler !== 'function' || Reflect.getMetadata(PATH_METADATA, handler) === undefined) return [];
        const verb: unknown = Reflect.getMetadata(METHOD_METADATA, handler);
        const declared = Reflect.getMetadata(ACCESS, handler) ?? Reflect.getMetadata(ACCESS, metatype);
        return [
          { name: `${typeof verb === 'number' ? RequestMethod[verb] : ''} ${metatype.name}.${method}`, declared: declared !== undefined },
        ];
      });
    });
  }
}
