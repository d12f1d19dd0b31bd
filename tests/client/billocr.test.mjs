// The client against a live server, whose address and people `test_client.py` gives by the environment.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import http from "node:http";
import { after, before, test } from "node:test";

const { BILLOCR_CLIENT, URL_UNDER_TEST: url, EMAIL, PASSWORD, FRIEND, PICTURES, SAMPLE } = process.env;
const { Billocr, BillocrError } = await import(BILLOCR_CLIENT);

/** A fetch that keeps its login as a browser does. */
function browser() {
  let cookie = "";
  return async (input, init = {}) => {
    const headers = new Headers(init.headers);
    headers.set("Origin", url);
    if (cookie) headers.set("Cookie", cookie);
    const answer = await fetch(input, { ...init, headers });
    for (const set of answer.headers.getSetCookie()) cookie = set.split(";")[0];
    return answer;
  };
}

const refused = (code, status) => (error) => {
  assert.ok(error instanceof BillocrError, String(error));
  assert.deepEqual([error.code, error.status], [code, status]);
  assert.match(error.message, /\w{2,}.*[.!]$/);
  return true;
};

let pictures = 0;
async function picture() {
  pictures += 1;
  return new File([await readFile(`${PICTURES}/${pictures}.png`)], `picture-${pictures}.png`, { type: "image/png" });
}

const person = new Billocr({ url, fetch: browser() });
let client; // with a token, as programs are
let token;
let bill; // the sample, read

before(async () => {
  await person.logIn(EMAIL, PASSWORD);
  token = await person.createToken({ name: "test", scopes: ["bills:read", "bills:write"], days: 1 });
  client = new Billocr({ url: `${url}/`, token: token.token });
  const file = new Blob([await readFile(SAMPLE)], { type: "image/jpeg" });
  bill = await client.upload(file, { name: "bakery.jpg" });
  bill = await client.waitUntilRead(bill.id, { signal: AbortSignal.timeout(120_000) });
});

after(async () => {
  await person.revokeToken(token.id);
  await assert.rejects(client.me(), refused("not_logged_in", 401));
  await person.logOut();
  await assert.rejects(person.me(), refused("not_logged_in", 401));
});

test("a person logs in, a program has a token, and both are the same user", async () => {
  assert.equal((await person.me()).email, EMAIL);
  assert.deepEqual(await client.me(), await person.me());
  assert.ok((await person.tokens()).some((each) => each.id === token.id && each.token === undefined));
  await assert.rejects(client.tokens(), refused("missing_scope", 403));
  await assert.rejects(new Billocr({ url, fetch: browser() }).logIn(EMAIL, "wrong"), refused("wrong_credentials", 401));
});

test("an uploaded bill is read, and its text, boxes and fields are there", async () => {
  assert.deepEqual([bill.name, bill.status, bill.media_type], ["bakery.jpg", "read", "image/jpeg"]);
  const document = await client.document(bill.id);
  const text = document.pages[0].lines.map((line) => line.text).join("\n");
  assert.match(text, /BAKERY/);
  for (const line of document.pages[0].lines) assert.equal(line.polygon.length, 4);
  const { fields, revision } = await client.fields(bill.id);
  assert.deepEqual(fields, document.fields);
  assert.equal(revision, 0);
  assert.equal(fields.total.value, bill.total);
});

test("waiting tells how far the reading is", async () => {
  const statuses = [];
  const sent = await client.upload(await picture());
  const read = await client.waitUntilRead(sent.id, { onStatus: (status) => statuses.push(status) });
  assert.equal(read.status, "read");
  assert.equal(statuses.at(-1), "read");
});

test("progress rises to the whole file", async () => {
  const shares = [];
  await client.upload(await picture(), { onProgress: (share) => shares.push(share) });
  assert.ok(shares.length >= 1);
  assert.equal(shares.at(-1), 1);
  assert.deepEqual(shares, shares.toSorted((a, b) => a - b));
});

test("the same bytes again are refused with the bill that has them, unless they are wanted twice", async () => {
  const file = await picture();
  const first = await client.upload(file);
  await assert.rejects(client.upload(file), (error) => {
    assert.equal(error.problem.existing_id, first.id);
    return refused("duplicate", 409)(error);
  });
  const second = await client.upload(file, { keepDuplicate: true });
  assert.notEqual(second.id, first.id);
});

test("an upload whose answer is lost on the way is sent again and taken once", async () => {
  const keys = [];
  const target = new URL(url);
  const lossy = http.createServer((request, response) => {
    keys.push(request.headers["idempotency-key"]);
    const passed = http.request(
      { host: target.hostname, port: target.port, path: request.url, method: request.method,
        headers: { ...request.headers, host: target.host } },
      (answer) => {
        if (keys.length === 1) response.destroy();
        else answer.pipe(response.writeHead(answer.statusCode, answer.headers));
      },
    );
    request.pipe(passed);
  });
  await new Promise((listening) => lossy.listen(0, "127.0.0.1", listening));
  try {
    const through = new Billocr({ url: `http://127.0.0.1:${lossy.address().port}`, token: token.token });
    const file = await picture();
    const taken = await through.upload(file);
    assert.equal(keys.length, 2);
    assert.equal(new Set(keys).size, 1);
    const there = [];
    for await (const each of client.bills({ search: file.name })) there.push(each.id);
    assert.deepEqual(there, [taken.id]);
  } finally {
    lossy.closeAllConnections();
    lossy.close();
  }
});

test("what is no bill is refused with a sentence and not tried again", async () => {
  await assert.rejects(client.upload(new Blob(["no picture"]), { name: "x.jpg" }), refused("unknown_kind", 415));
});

test("a server that is not there is told apart from one that refuses", async () => {
  const server = http.createServer();
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  const nowhere = new Billocr({ url: `http://127.0.0.1:${port}` });
  await assert.rejects(nowhere.me(), refused("unreachable", 0));
});

test("the bills come one after the other, over as many slices as there are", async () => {
  const all = [];
  for await (const each of client.bills()) all.push(each.id);
  const sliced = [];
  for await (const each of client.bills({ limit: 2 })) sliced.push(each.id);
  assert.ok(all.length > 4, `${all.length}`);
  assert.deepEqual(sliced, all);
  assert.equal(new Set(all).size, all.length);
  const slice = await client.list({ limit: 1, search: "bakery" });
  assert.deepEqual(slice.bills.map((each) => each.id), [bill.id]);
});

test("pictures are JPEG, by address for a browser and as bytes for a program", async () => {
  const start = async (blob) => [...new Uint8Array(await blob.arrayBuffer()).slice(0, 2)];
  assert.deepEqual(await start(await client.picture(bill.id, 1, 320)), [0xff, 0xd8]);
  const original = await client.original(bill.id);
  assert.deepEqual(Buffer.from(await original.arrayBuffer()), await readFile(SAMPLE));
  const address = client.pictureUrl(bill.id, 1, 640);
  assert.equal(address, `${url}/api/v1/bills/${bill.id}/pages/1/picture?size=640`);
  assert.equal((await fetch(address)).status, 401, "nobody sees it without a login");
  await assert.rejects(client.picture(bill.id, 99), refused("not_found", 404));
});

test("a line and a field are corrected, the history says so, and it can be gone back on", async () => {
  const { id } = await client.upload(await picture());
  await client.waitUntilRead(id);
  const before = await client.document(id);
  const [line] = before.pages[0].lines;
  const outcome = await client.applyOperations(id, {
    client_id: "test",
    base: before.revision,
    operations: [{ seq: 1, op: { kind: "set_text", line: line.id, text: "Corrected by hand" } }],
  });
  assert.deepEqual([outcome.acknowledged, outcome.conflicts.length], [1, 0]);
  assert.equal(outcome.lines[0].text, "Corrected by hand");
  const now = await client.setField(id, "total", "12.34");
  assert.equal(now.fields.total.value, "12.34");
  const history = [];
  for await (const revision of client.revisions(id)) history.push(revision.number);
  assert.deepEqual(history, [2, 1]);
  const restored = await client.restoreRevision(id, 0);
  assert.equal(restored.pages[0].lines[0].text, line.text);
  await assert.rejects(client.setField(id, "colour", "red"), (error) => error instanceof BillocrError && error.status === 422);
});

test("a bill is shared and taken back", async () => {
  const share = await client.share(bill.id, { email: FRIEND, level: "edit" });
  assert.deepEqual((await client.shares(bill.id)).map((each) => [each.email, each.level]), [[FRIEND, "edit"]]);
  const friend = new Billocr({ url, fetch: browser() });
  await friend.logIn(FRIEND, PASSWORD);
  assert.equal((await friend.bill(bill.id)).access, "edit");
  await client.unshare(bill.id, share.id);
  await assert.rejects(friend.bill(bill.id), refused("not_found", 404));
});

test("a bill goes to the trash, comes back, and goes for good", async () => {
  const { id } = await client.upload(await picture());
  await client.trash(id);
  await assert.rejects(client.bill(id), refused("not_found", 404));
  assert.equal((await client.restore(id)).id, id);
  await client.trash(id);
  await client.remove(id);
  await assert.rejects(client.restore(id), refused("not_found", 404));
});

test("a bill is saved in every format, and many as one file", async () => {
  const starts = { text: "", json: "{", csv: "bill,", items: "bill,", xlsx: "PK", alto: "<?xml", page: "<?xml", hocr: "<?xml", pdf: "%PDF" };
  for (const [format, start] of Object.entries(starts)) {
    const { name, content } = await client.export(bill.id, format);
    assert.match(name, /^bakery/);
    assert.ok((await content.text()).startsWith(start), format);
  }
  const { total } = await client.list({ limit: 1 });
  const table = await client.export({}, "csv");
  assert.equal(table.name, "bills.csv");
  assert.equal((await table.content.text()).trim().split("\r\n").length, total + 1);
  assert.equal((await client.export({ search: "bakery" }, "csv")).name, "bakery.csv");
  const archive = await client.export([bill.id, (await client.upload(await picture())).id], "text");
  assert.equal(archive.name, "bills-text.zip");
  await assert.rejects(client.export([], "csv"), RangeError);
  await assert.rejects(client.export(bill.id, "docx"), (error) => error instanceof BillocrError && error.status === 422);
});

test("usage counts the uploads", async () => {
  const { bills_per_month: used } = await client.usage();
  const before = used.used;
  await client.upload(await picture());
  assert.equal((await client.usage()).bills_per_month.used, before + 1);
});

test("a reading that failed is an error with its reason", async () => {
  const file = await picture();
  const { id } = await client.upload(new File([await file.arrayBuffer()], "spoil-me.png"));
  await assert.rejects(client.waitUntilRead(id, { signal: AbortSignal.timeout(60_000) }), refused("reading_failed", 0));
});

test("waiting and asking stop when the caller wants no more", async () => {
  const stopped = AbortSignal.abort();
  await assert.rejects(client.waitUntilRead(bill.id, { signal: stopped }), { name: "AbortError" });
  await assert.rejects(client.list({}, { signal: stopped }), { name: "AbortError" });
  await assert.rejects(client.upload(await picture(), { signal: stopped }), { name: "AbortError" });
});
