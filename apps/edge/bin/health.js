#!/usr/bin/env node
// Ends with 0 when the edge of this container is ready: the image's health check, for there is no curl in it. It knows
// only what the environment says of the edge.
import { get as getPlain } from 'node:http';
import { get as getSecure } from 'node:https';

const { CUTPOINT_SERVE_PORT: port = '8080', CUTPOINT_SERVE_TLS_CERT: certificate } = process.env;
const get = certificate ? getSecure : getPlain;
// The certificate is for the edge's own name.
const where = { host: '127.0.0.1', port, path: '/readyz', rejectUnauthorized: false };

get(where, (response) => {
  response.setEncoding('utf8').on('data', (text) => console.log(text));
  process.exitCode = response.statusCode === 200 ? 0 : 1;
}).on('error', (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
