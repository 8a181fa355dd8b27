/** `/receipts/{token}`: what a customer paid, and what has become of it. For whoever has the address; it works without a script, and on paper. */
import { Controller, Get, Headers, Param, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Public } from '../../../platform/auth/access.ts';
import { localeOf, sendPage } from '../../checkout/index.ts';
import { ReceiptLinks } from '../receipt-links.ts';
import { Receipts } from '../receipts.service.ts';
import { renderNoReceipt, renderReceipt } from './receipt-page.ts';

@ApiExcludeController()
@Public()
@Controller('receipts')
export class ReceiptPageController {
  constructor(
    private readonly links: ReceiptLinks,
    private readonly receipts: Receipts,
  ) {}

  @Get(':token')
  async page(
    @Param('token') token: string,
    @Headers('accept-language') languages: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const opened = await this.links.open(token);
    const shown = opened && (await this.receipts.shown(opened.tenantId, opened.paymentId));
    reply.header('referrer-policy', 'no-referrer').header('x-robots-tag', 'noindex');
    if (!shown) return sendPage(reply.status(404), renderNoReceipt(localeOf('', languages)));
    return sendPage(reply, renderReceipt({ ...shown, locale: localeOf(shown.locale, languages) }));
  }
}
