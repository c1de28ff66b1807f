/** A provider and the model to ask it for. */
export interface Route {
  provider: string;
  model: string;
}

/** Splits `provider/model`; the model may hold further slashes. Throws an `Error` where there is no such split. */
export function parseRoute(route: string): Route {
  const slash = route.indexOf('/');
  if (slash <= 0 || slash === route.length - 1)
    throw new Error(`route ${JSON.stringify(route)}: expected provider/model`);
  return { provider: route.slice(0, slash), model: route.slice(slash + 1) };
}

export const providerOf = (route: string): string => parseRoute(route).provider;
