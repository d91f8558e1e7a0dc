import { hostname } from 'node:os';
import { expect, it } from 'vitest';
import { OriginPolicy } from './origin.js';

const policy = (host: string, hasTokens = false, origins: readonly string[] = []) =>
  new OriginPolicy({ host, origins, hasTokens });
const NAMES = ['rebound.example', 'rebound.example:8080', 'localhost.rebound.example', '127.0.0.1.rebound.example', ''];

it('knows an edge on loopback by the names of loopback, by addresses, and by what it was told', () => {
  const edge = policy('127.0.0.1', false, ['https://app.example:8443']);
  for (const host of ['localhost', 'localhost:8080', '127.0.0.1:8080', '[::1]:8080', '192.0.2.7:1', 'app.example']) {
    expect(edge.knows(host), host).toBe(true);
  }
  for (const host of NAMES) expect(edge.knows(host), host).toBe(false);
  expect(edge.knows(undefined), 'a program').toBe(true);
});

it('asks an edge on loopback for its names although it has tokens: its page and its health need none', () => {
  expect(policy('localhost', true).knows('rebound.example')).toBe(false);
});

it('knows an edge that lets everybody in by its machine, and by no name that anybody made up', () => {
  const edge = policy('0.0.0.0');
  expect(edge.knows(`${hostname()}:8080`)).toBe(true);
  for (const host of NAMES) expect(edge.knows(host), host).toBe(false);
  expect(policy('edge.example').knows('edge.example:8080')).toBe(true);
});

it('takes any name beyond loopback where a token is needed', () => {
  expect(policy('0.0.0.0', true).knows('edge.example')).toBe(true);
});
