// The type of what an object of a class holds, without what it does: the state that newer code of the class goes on from.

type Method = (...args: never[]) => unknown;

export type Fields<T> = { readonly [Name in keyof T as T[Name] extends Method ? never : Name]: T[Name] };
