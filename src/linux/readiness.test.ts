import { expect, test, vi } from 'vitest';
import { EventFd } from './eventfd.ts';
import { watch } from './readiness.ts';

test('who rests is called once afterwards in any case, and then whenever there is something', async () => {
  const fd = new EventFd();
  const seen: ('at once' | 'after a rest')[] = [];
  let isResting = false;
  const watched = watch(fd.fd, () => {
    fd.clear();
    seen.push(isResting ? 'after a rest' : 'at once');
    isResting = seen.length <= 2;
    if (isResting) watched.restFor(1);
  });
  fd.signal();
  await vi.waitFor(() => expect(seen).toEqual(['at once', 'after a rest', 'after a rest']));
  fd.signal();
  await vi.waitFor(() => expect(seen).toEqual(['at once', 'after a rest', 'after a rest', 'at once']));
  watched.close();
  fd.close();
});
