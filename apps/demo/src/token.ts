const KEY = 'cutpoint.token';

/**
 * The token that the page's address came with, as `#token=…`: what stands behind `#` is sent to nobody. It leaves the
 * address at once, so that no copied link gives it away, and lives as long as the tab.
 */
function takeToken(): string | undefined {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given) {
    sessionStorage.setItem(KEY, given);
    history.replaceState(null, '', location.pathname + location.search);
  }
  return given || (sessionStorage.getItem(KEY) ?? undefined);
}

/** For an edge that wants one. */
export const EDGE_TOKEN = takeToken();
