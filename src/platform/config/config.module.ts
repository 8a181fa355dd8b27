/** Makes the one {@link Config} available to every module. */
import { Module, type DynamicModule } from '@nestjs/common';
import { Config } from './config.ts';

@Module({})
export class ConfigModule {
  static with(config: Config): DynamicModule {
    return { module: ConfigModule, global: true, providers: [{ provide: Config, useValue: config }], exports: [Config] };
  }
}
