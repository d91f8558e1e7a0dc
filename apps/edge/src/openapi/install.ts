import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { TAGS } from './operations.js';
import { SCHEMAS } from './schemas.js';

/**
 * Describes the routes that are added after it: the document at `/openapi.json`, a page for people at `/docs`. All of it comes
 * from this edge, and does with the content security policy of the demo page.
 */
export async function installOpenApi(app: FastifyInstance, version: string): Promise<void> {
  // The schemas of routes are for the document only. Fastify's own use of them would compile code, and drop what they leave out.
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  for (const [name, schema] of Object.entries(SCHEMAS)) app.addSchema({ $id: name, ...schema });
  await app.register(swagger, {
    openapi: {
      openapi: '3.0.3',
      info: {
        title: 'Cutpoint edge',
        version,
        description: 'One network on two machines: this one runs the tails. See docs/protocol.md and docs/kserve.md.',
        license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
      },
      servers: [{ url: '/' }],
      tags: TAGS,
      components: {
        securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'Where the edge asks for a token.' } },
      },
      security: [{}, { token: [] }],
    },
    refResolver: { buildLocalReference: ({ $id }, _uri, _fragment, index) => String($id ?? `schema-${index}`) },
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    theme: { title: 'Cutpoint edge' },
    // The validator is somebody else's server. The other layout has a bar that opens documents of other servers, and brings a
    // style of its own that the content security policy refuses.
    uiConfig: { validatorUrl: null, docExpansion: 'list', layout: 'BaseLayout' },
  });
  app.get('/openapi.json', { schema: { hide: true } }, async (_, reply) =>
    reply.header('cache-control', 'no-cache').send(app.swagger()),
  );
}
