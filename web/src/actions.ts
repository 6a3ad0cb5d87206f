/* What a person may do from the page.  Each needs a session: without one the dialog comes first, and
 * then the action goes on. */
import { ApiError, post, session } from './api';
import { refetchAll } from './live';
import { openLogin } from './signin';

export type Told = (message: string) => void;

export function act(name: string, body: unknown, failed: Told): void {
  const go = async () => {
    try {
      await post(`/api/actions/${name}`, body);
      refetchAll(); // the event will say so too, where there is a stream
    } catch (e) {
      if (e instanceof ApiError && e.status === 401) openLogin(go);
      else failed(e instanceof Error ? e.message : 'it did not work');
    }
  };
  if (session.get()?.signed_in) void go();
  else openLogin(go);
}
