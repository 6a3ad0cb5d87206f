/* Signing in with the token: a dialog for actions, a page of its own where reading needs it too. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, locked, login, readSession } from './api';
import { cell, useCell } from './store';

const wanted = cell<{ then?: () => void } | null>(null);

export function openLogin(then?: () => void): void {
  wanted.set({ then });
}

function Form({ done, cancel }: { done: () => void; cancel?: () => void }) {
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = async (e: Event) => {
    e.preventDefault();
    setBusy(true);
    setError('');
    try {
      await login(field.current!.value.trim());
      await readSession().catch(() => undefined);
      done();
    } catch (x) {
      const refused = x instanceof ApiError && x.status === 401;
      setError(refused ? 'This is not the token.' : x instanceof Error ? x.message : 'It did not work.');
      field.current?.select();
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="signin" onSubmit={submit}>
      <h2 id="signin-title">Sign in</h2>
      <p>The token is in <code>api.token</code> in proctor's base folder, or where <code>api.token_file</code> says.</p>
      <label>Token
        <input ref={field} type="password" name="token" autocomplete="current-password" required spellcheck={false}
          aria-describedby="signin-error" />
      </label>
      <p id="signin-error" class="c-critical" role="alert">{error}</p>
      <div class="buttons">
        {cancel && <button type="button" onClick={cancel}>Cancel</button>}
        <button type="submit" class="primary" disabled={busy}>{busy ? 'One moment' : 'Sign in'}</button>
      </div>
    </form>
  );
}

export function LoginDialog() {
  const w = useCell(wanted);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (w) dialog.current?.showModal();
  }, [w]);
  if (!w) return null;
  const close = () => {
    dialog.current?.close();
    wanted.set(null);
  };
  return (
    <dialog ref={dialog} aria-labelledby="signin-title" onClose={() => wanted.set(null)}>
      <Form cancel={close} done={() => {
        close();
        w.then?.();
      }} />
    </dialog>
  );
}

export function LoginPage() {
  return (
    <main class="login-page" id="main">
      <Form done={() => locked.set(false)} />
    </main>
  );
}
