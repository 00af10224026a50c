// Asks with OpenAI's client for Node what each line of standard input says, and answers in a line.
import OpenAI from "openai";
import { createInterface } from "node:readline";

async function ask(client, { request, stream, abortAfter }) {
  const { data, response } = await client.chat.completions
    .create({ ...request, stream, ...(stream && { stream_options: { include_usage: true } }) })
    .withResponse();
  const headers = Object.fromEntries(response.headers);
  if (!stream) return { chunks: [data], headers };
  const chunks = [];
  try {
    for await (const chunk of data) {
      chunks.push(chunk);
      if (abortAfter && chunks.length >= abortAfter) {
        data.controller.abort();
        break;
      }
    }
  } catch (error) {
    return { chunks, headers, error: tell(error) };
  }
  return { chunks, headers };
}

function tell(error) {
  const { status = null, code = null, type = null, message } = error;
  const headers = error.headers ? Object.fromEntries(error.headers) : {};
  return { name: error.constructor.name, status, code, type, message, headers };
}

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  const client = new OpenAI({ ...question.client });
  let outcome;
  try {
    outcome = question.models
      ? { models: (await client.models.list()).data, model: await client.models.retrieve(question.models) }
      : await ask(client, question);
  } catch (error) {
    outcome = { error: tell(error) };
  }
  process.stdout.write(JSON.stringify(outcome) + "\n");
}
