import { normalizeIP } from '@fastify/rate-limit';
import type { FastifyRequest } from 'fastify';

/**
 * Whose limits a request counts against: a JWT's subject, or the address; of IPv6 the /64 network, of which one machine
 * may have every address.
 */
export function clientKey({ grant, ip }: Pick<FastifyRequest, 'grant' | 'ip'>): string {
  return grant?.subject === undefined ? `address ${normalizeIP(ip)}` : `subject ${grant.subject}`;
}
