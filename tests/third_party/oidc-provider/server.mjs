// oidc-provider behind the paths of Infor's two kinds of server, over TLS on loopback.
//
//   node server.mjs MODULES < settings.json
//
// MODULES is the directory that holds node_modules. The settings name a certificate, its key, and
// apps: { style, tenant, client_id, client_secret, scopes } with username and password, or with a
// redirect_uri, or with neither; and, if token_life is set, the seconds that access tokens are said
// to live (they live longer). Prints "ready PORT" when it serves.
//
// GET /counts tells how many tokens were granted by which grant, and how many families died because
// a refresh token was used again.
//
// Whoever comes with a browser is logged in, and agrees, without being asked.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const module = join(process.argv[2], 'node_modules/oidc-provider/lib/index.js');
const { default: Provider, errors } = await import(pathToFileURL(module));
const settings = JSON.parse(readFileSync(0, 'utf8'));

const STYLES = {
  PingFederate: ({ tenant }) => ({
    prefix: `/${tenant}/as`,
    routes: {
      authorization: '/authorization.oauth2',
      introspection: '/introspect.oauth2',
      token: '/token.oauth2',
      revocation: '/revoke_token.oauth2',
    },
    refreshable: () => true,
  }),
  InforSts: () => ({
    prefix: '/InforIntSTS',
    routes: {
      authorization: '/connect/authorize',
      introspection: '/connect/introspect',
      token: '/connect/token',
      revocation: '/connect/revocation',
    },
    refreshable: (scopes) => scopes.includes('offline_access'),
  }),
};

function grants({ username, redirect_uri }) {
  if (username) return { grant_types: ['password', 'refresh_token'] };
  if (!redirect_uri) return { grant_types: ['client_credentials'] };
  return {
    grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris: [redirect_uri],
    response_types: ['code'],
  };
}

function provider(base, { prefix, routes, refreshable }, apps) {
  const accounts = new Map(apps.map((app) => [app.client_id, app]));
  const scopes = ['offline_access', ...new Set(apps.flatMap((app) => app.scopes))];
  const made = new Provider(base + prefix, {
    clients: apps.map((app) => ({
      client_id: app.client_id,
      client_secret: app.client_secret,
      redirect_uris: [],
      response_types: [],
      ...grants(app),
      scope: [...app.scopes, 'openid', 'offline_access'].join(' '),
      token_endpoint_auth_method: 'client_secret_post',
    })),
    cookies: { keys: ['loopback'] },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true },
      revocation: { enabled: true },
    },
    interactions: { url: (_, { uid }) => `${prefix}${INTERACTION}${uid}` },
    issueRefreshToken: (ctx, client, { scopes }) => {
      return client.grantTypeAllowed('refresh_token') && refreshable([...scopes]);
    },
    pkce: { required: () => true },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    rotateRefreshToken: true,
    routes,
    scopes: ['openid', ...scopes],
    ttl: { AccessToken: 7200, ClientCredentials: 7200, Grant: 86400, RefreshToken: 86400 },
  });

  // RFC 6749, section 4.3, which oidc-provider leaves to those who still need it.
  made.registerGrantType('password', async (ctx) => {
    const { client, params } = ctx.oidc;
    const app = accounts.get(client.clientId);
    if (params.username !== app.username || params.password !== app.password) {
      throw new errors.InvalidGrant('wrong username or password');
    }
    const asked = (params.scope ?? '').split(' ').filter(Boolean);
    if (!asked.every((scope) => scope === 'offline_access' || app.scopes.includes(scope))) {
      throw new errors.InvalidScope('scope is not assigned');
    }
    const scope = asked.join(' ') || undefined;
    const grant = new made.Grant({ accountId: app.username, clientId: client.clientId });
    grant.addOIDCScope(['openid', ...asked].join(' '));
    const token = {
      accountId: app.username, client, grantId: await grant.save(), gty: 'password', scope,
    };
    const access = new made.AccessToken(token);
    ctx.body = {
      access_token: await access.save(),
      expires_in: access.expiration,
      token_type: access.tokenType,
      scope,
    };
    if (refreshable(asked)) ctx.body.refresh_token = await new made.RefreshToken(token).save();
  }, ['username', 'password', 'scope']);

  made.use(async (ctx, next) => {
    await next();
    if (settings.token_life && ctx.body?.expires_in) ctx.body.expires_in = settings.token_life;
  });
  made.on('grant.success', ({ oidc: { params } }) => {
    counts[params.grant_type] = (counts[params.grant_type] ?? 0) + 1;
  });
  made.on('grant.revoked', ({ oidc }) => {
    if (oidc.route === 'token') counts.families_revoked += 1;
  });
  return made;
}

const counts = { families_revoked: 0 };

// What a person would click.
async function agree(made, request, response) {
  const { params } = await made.interactionDetails(request, response);
  const accountId = 'somebody';
  const grant = new made.Grant({ accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const consent = { grantId: await grant.save() };
  await made.interactionFinished(request, response, { login: { accountId }, consent });
}

const INTERACTION = '/interaction/';

const server = createServer({ cert: settings.certificate, key: settings.key });
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  const places = new Map();
  for (const app of settings.apps) {
    const style = STYLES[app.style](app);
    const place = places.get(style.prefix) ?? { style, apps: [] };
    place.apps.push(app);
    places.set(style.prefix, place);
  }
  const handlers = [...places].map(([prefix, { style, apps }]) => {
    const made = provider(`https://localhost:${port}`, style, apps);
    const answer = made.callback();
    return [`${prefix}/`, (request, response) => {
      if (!request.url.startsWith(INTERACTION)) return answer(request, response);
      return agree(made, request, response);
    }];
  });
  server.on('request', (request, response) => {
    if (request.url === '/counts') {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(counts));
      return;
    }
    const [prefix, handler] = handlers.find(([prefix]) => request.url.startsWith(prefix)) ?? [];
    if (!handler) {
      response.writeHead(404, { 'content-type': 'text/html' }).end('<html>not found</html>');
      return;
    }
    request.originalUrl = request.url;
    request.url = request.url.slice(prefix.length - 1);
    handler(request, response);
  });
  console.log(`ready ${port}`);
});
