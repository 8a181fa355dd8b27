/**
 * `/pay/done`: where a customer lands who has confirmed a mandate or paid, and whom no portal waits for. It claims nothing: what came of it is
 * the provider's to say.
 */
import { Controller, Get, Headers, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Public } from '../../../platform/auth/access.ts';

const TEXTS: Readonly<Record<string, string>> = {
  en: 'Thank you. We will hear from your bank or app. You can close this page.',
  nl: 'Bedankt. We horen het van uw bank of app. U kunt deze pagina sluiten.',
  da: 'Tak. Vi hører fra din bank eller app. Du kan lukke siden.',
  nb: 'Takk. Vi hører fra banken eller appen din. Du kan lukke siden.',
};

@ApiExcludeController()
@Public()
@Controller('pay')
export class DonePageController {
  @Get('done')
  async back(@Headers('accept-language') languages: string | undefined, @Res() reply: FastifyReply): Promise<void> {
    const wanted = (languages ?? '').toLowerCase().match(/[a-z]{2}/g) ?? [];
    const locale = wanted.find((word) => Object.hasOwn(TEXTS, word)) ?? 'en';
    await reply
      .header('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
      .header('cache-control', 'no-store')
      .type('text/html; charset=utf-8')
      .send(
        `<!doctype html><html lang="${locale}"><meta name="viewport" content="width=device-width"><title>✓</title><p>${TEXTS[locale] ?? ''}</p>`,
      );
  }
}
