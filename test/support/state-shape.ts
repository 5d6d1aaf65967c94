// What a state consists of, as lines of path and type. Throws where something is not plain data: an object of a class,
// a function, anything that would keep old code alive.

export function shapeOf(state: unknown): Set<string> {
  const lines = new Set<string>();
  walk('state', state, lines);
  return lines;
}

function walk(path: string, value: unknown, lines: Set<string>): void {
  if (value === null || typeof value !== 'object') {
    if (typeof value === 'function' || typeof value === 'symbol')
      throw new Error(`${path} is a ${typeof value}`);
    if (value !== undefined) lines.add(`${path}: ${typeof value}`);
  } else if (ArrayBuffer.isView(value)) {
    lines.add(`${path}: ${value.constructor.name}`);
  } else if (Array.isArray(value)) {
    for (const element of value) walk(`${path}[]`, element, lines);
  } else if (value instanceof Map) {
    lines.add(`${path}: Map`);
    for (const [key, element] of value) {
      walk(`${path}.key`, key, lines);
      walk(`${path}.value`, element, lines);
    }
  } else if (value instanceof Set) {
    lines.add(`${path}: Set`);
    for (const element of value) walk(`${path}.element`, element, lines);
  } else {
    if (Object.getPrototypeOf(value) !== Object.prototype)
      throw new Error(`${path} is a ${value.constructor.name}`);
    for (const [name, element] of Object.entries(value)) walk(`${path}.${name}`, element, lines);
  }
}
