// The official `openai` client against `proctor serve`: what it asks for it gets, in the types it knows.
//   node serve_openai.mjs MODULES CASES.json
// MODULES is the folder whose node_modules holds `openai`; CASES: {"url","key","questions":[{"ask",
// "want"}…],"prompt","positions","narrow"}, `want` being what the model gives alone; narrow: the server
// takes two such answers of 16 choices at a time, and that alone is tested.
import {createRequire} from 'node:module';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import assert from 'node:assert/strict';

const [modules, file] = process.argv.slice(2);
const require = createRequire(join(modules, '/'));
const {OpenAI} = require('openai');
const cases = JSON.parse(readFileSync(file, 'utf8'));
const client = new OpenAI({apiKey: cases.key, baseURL: cases.url, maxRetries: 0, timeout: 60000});
const model = 'default', temperature = 0;
const long = {model, prompt: cases.prompt, max_tokens: 900, n: 16, temperature: 1, seed: 3};

async function fails(promise, type, status, code) {
  const e = await promise.then(() => null, e => e);
  assert.ok(e instanceof type, `${type.name} was expected, not ${e}`);
  assert.equal(e.status, status);
  if (code) assert.equal(e.code, code);
  return e;
}

async function metric(name) {
  const r = await fetch(cases.url.replace('/v1', '/metrics'), {headers: {authorization: `Bearer ${cases.key}`}});
  return Number((await r.text()).match(new RegExp(`^proctor_serve_${name} (\\S+)$`, 'm'))[1]);
}

async function until(what, condition) {
  for (const end = Date.now() + 20000; !await condition(); await new Promise(r => setTimeout(r, 20)))
    assert.ok(Date.now() < end, what);
}

const tests = {
  async models() {
    const list = [];
    for await (const m of client.models.list()) list.push(m);
    assert.equal(list.length, 1);
    assert.equal((await client.models.retrieve(list[0].id)).id, list[0].id);
    await fails(client.models.retrieve('gpt/4'), OpenAI.NotFoundError, 404, 'model_not_found');
  },

  async chat() {
    await Promise.all(cases.questions.map(async ({ask, want}) => {
      const r = await client.chat.completions.create({model, temperature, messages: [{role: 'user', content: ask}]});
      assert.equal(r.object, 'chat.completion');
      assert.equal(r.choices[0].message.content, want);
      assert.equal(r.choices[0].finish_reason, 'stop');
      assert.match(r.system_fingerprint, /^[0-9a-f]{64}$/);
      assert.equal(r.usage.total_tokens, r.usage.prompt_tokens + r.usage.completion_tokens);
    }));
  },

  async parts_of_a_content_are_one_text() {
    const {ask, want} = cases.questions[0];
    const r = await client.chat.completions.create({model, temperature, max_completion_tokens: 64,
      messages: [{role: 'user', content: [{type: 'text', text: ask}]}]});
    assert.equal(r.choices[0].message.content, want);
  },

  async streams() {
    for (const {ask, want} of cases.questions.slice(0, 3)) {
      const stream = await client.chat.completions.create({model, temperature, stream: true,
        stream_options: {include_usage: true}, messages: [{role: 'user', content: ask}]});
      let text = '', finish, usage, chunks = 0;
      for await (const c of stream) {
        assert.equal(c.object, 'chat.completion.chunk');
        assert.match(c.system_fingerprint, /^[0-9a-f]{64}$/);
        text += c.choices[0]?.delta.content ?? '';
        finish = c.choices[0]?.finish_reason ?? finish;
        usage = c.usage ?? usage;
        chunks++;
      }
      assert.deepEqual([text, finish], [want, 'stop']);
      assert.ok(usage.completion_tokens > 0 && chunks >= 2);
    }
    // The client's own helper puts chunks together and checks them as it does.
    const {ask, want} = cases.questions[0];
    const helper = client.chat.completions.stream({model, temperature, messages: [{role: 'user', content: ask}]});
    assert.equal(await helper.finalContent(), want);
  },

  async logprobs() {
    const r = await client.chat.completions.create({model, temperature, logprobs: true, top_logprobs: 20,
      messages: [{role: 'user', content: cases.questions[0].ask}]});
    const tokens = r.choices[0].logprobs.content;
    assert.equal(tokens.map(t => t.token).join(''), r.choices[0].message.content);
    for (const t of tokens) {
      assert.equal(t.top_logprobs.length, 20);
      assert.equal(t.top_logprobs[0].token, t.token); // greedy
      assert.equal(t.top_logprobs[0].logprob, t.logprob);
      assert.deepEqual(Buffer.from(t.bytes), Buffer.from(t.token));
      let sum = 0;
      t.top_logprobs.forEach((x, i) => {
        sum += Math.exp(x.logprob);
        assert.ok(i === 0 || x.logprob <= t.top_logprobs[i - 1].logprob);
      });
      assert.ok(sum > 0 && sum <= 1 + 1e-5);
    }
    const c = await client.completions.create({model, temperature, prompt: cases.prompt, max_tokens: 5, logprobs: 3});
    assert.equal(c.choices[0].logprobs.token_logprobs.length, 5);
    assert.equal(c.choices[0].logprobs.text_offset[0], 0);
    assert.equal(c.choices[0].finish_reason, 'length');
  },

  async stop_texts_end_an_answer_and_are_not_in_it() {
    const whole = (await client.completions.create({model, temperature, prompt: cases.prompt, max_tokens: 24})).choices[0].text;
    const stop = whole.slice(6, 9), want = whole.slice(0, whole.indexOf(stop));
    const r = await client.completions.create({model, temperature, prompt: cases.prompt, max_tokens: 24, stop: [stop]});
    assert.deepEqual([r.choices[0].text, r.choices[0].finish_reason], [want, 'stop']);
  },

  async choices_prompts_and_seeds() {
    const ask = {model, temperature: 1, seed: 11, n: 3, max_tokens: 16, prompt: [cases.prompt, 'Another']};
    const a = await client.completions.create(ask), b = await client.completions.create(ask);
    const texts = r => r.choices.sort((x, y) => x.index - y.index).map(c => c.text);
    assert.equal(a.choices.length, 6);
    assert.deepEqual(texts(a), texts(b));
    assert.notEqual(texts(a)[0], texts(a)[1]);
    assert.notDeepEqual(texts(await client.completions.create({...ask, seed: 12})), texts(a));
    const greedy = await client.completions.create({...ask, temperature: 0});
    assert.equal(texts(greedy)[0], texts(greedy)[1]);
  },

  async errors() {
    const messages = [{role: 'user', content: 'x'}];
    await fails(client.chat.completions.create({model: 'gpt-4', messages}), OpenAI.NotFoundError, 404, 'model_not_found');
    const e = await fails(client.chat.completions.create({model, messages, temperature: 7}), OpenAI.BadRequestError, 400);
    assert.equal(e.param, 'temperature');
    await fails(client.chat.completions.create({model, messages, tools: [{type: 'function', function: {name: 'f'}}]}),
      OpenAI.BadRequestError, 400, 'unsupported_parameter');
    await fails(client.completions.create({model, prompt: 'x', max_tokens: cases.positions}), OpenAI.BadRequestError,
      400, 'context_length_exceeded');
    const stranger = new OpenAI({apiKey: 'wrong', baseURL: cases.url, maxRetries: 0});
    await fails(stranger.chat.completions.create({model, messages}), OpenAI.AuthenticationError, 401, 'invalid_api_key');
    await fails(client.post('/nothing', {body: {}}), OpenAI.NotFoundError, 404);
  },

  async one_that_goes_away_makes_room() {
    const before = await metric('answers');
    const stop = new AbortController();
    const stream = await client.completions.create({...long, stream: true}, {signal: stop.signal});
    for await (const _ of stream) break; // leaving the loop aborts it, as the client promises
    stop.abort();
    await until('the answer is cancelled', async () => await metric('answers') === before);
  },

  async too_many_are_told_to_wait_and_the_client_tries_again() {
    const streams = [];
    for (let i = 0; i < 2; i++) streams.push(await client.completions.create({...long, stream: true}));
    const e = await fails(client.completions.create({model, prompt: 'x', max_tokens: 1}), OpenAI.RateLimitError, 429);
    assert.equal(e.headers.get('retry-after'), '1');
    const patient = new OpenAI({apiKey: cases.key, baseURL: cases.url, maxRetries: 5});
    const later = patient.completions.create({model, prompt: 'x', max_tokens: 1});
    streams.forEach(s => s.controller.abort());
    assert.equal((await later).usage.completion_tokens, 1);
  },
};

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  if (name.startsWith('too_many') !== cases.narrow) continue;
  try {
    await test();
    console.log('ok   ' + name);
  } catch (e) {
    failed++;
    console.log('FAIL ' + name + '\n' + (e.stack ?? e));
  }
}
process.exit(failed ? 1 : 0);
