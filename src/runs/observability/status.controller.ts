import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Requires } from '../../platform/auth/access.ts';
import { Status, type StatusView } from './status.service.ts';

/** `/v1/status`: numbers of the whole installation, over all tenants; nothing of what is in their runs. */
@ApiTags('status')
@Controller('v1/status')
export class StatusController {
  constructor(private readonly status: Status) {}

  @Get()
  @Requires('status:read')
  @ApiOperation({ summary: 'How the installation stands: what needs a person, what waits, who works' })
  view(): Promise<StatusView> {
    return this.status.view();
  }
}
