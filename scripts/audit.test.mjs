import { expect, test } from 'vitest';
import { auditProduction, readAudit } from './lib/audit.mjs';

test('npm knows of nothing against what this project runs with', ({ skip }) => {
  const audit = auditProduction();
  if ('unavailable' in audit) {
    console.warn(`NOT CHECKED: the registry gave no audit of the dependencies (${audit.unavailable})`);
    skip('the registry gave no audit');
    return;
  }
  expect(audit.findings).toEqual([]);
});

test('a report with something in it is no clean one, and an error is none at all', () => {
  const clean = { auditReportVersion: 2, vulnerabilities: {}, metadata: {} };
  expect(readAudit(JSON.stringify(clean))).toEqual({ findings: [] });
  const found = { left: { name: 'left', severity: 'high', range: '<2.0.0', via: [] } };
  expect(readAudit(JSON.stringify({ ...clean, vulnerabilities: found }))).toEqual({ findings: ['left <2.0.0: high'] });
  expect(readAudit(JSON.stringify({ statusCode: 405, error: { summary: '' } }))).toEqual({
    unavailable: 'no report: status 405',
  });
  for (const nothing of ['', '<html>', 'null', '[]', '{"vulnerabilities":null}']) {
    expect(readAudit(nothing)).toHaveProperty('unavailable');
  }
});
