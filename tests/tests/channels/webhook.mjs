// Takes web hooks and verifies them with the official library.
// Arguments: the directory in which its package is installed, and the secret. Prints the port, then a line for each request.

import { createServer } from "node:http";
import { createRequire } from "node:module";

const [directory, secret] = process.argv.slice(2);
const { Webhook } = createRequire(`${directory}/`)("standardwebhooks");
const webhook = new Webhook(secret);

const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks).toString();
    let verified = true;
    try {
      webhook.verify(body, request.headers);
    } catch (error) {
      verified = error.message;
    }
    console.log(JSON.stringify({ verified, headers: request.headers, body }));
    response.writeHead(verified === true ? 204 : 400).end();
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
