// Validate GLB files named on the command line; print what each says as JSON.
import { readFileSync } from 'node:fs';
import validator from 'gltf-validator';

const reports = [];
for (const file of process.argv.slice(2)) {
  const report = await validator.validateBytes(new Uint8Array(readFileSync(file)), { uri: file, maxIssues: 20 });
  const { numErrors, numWarnings, messages } = report.issues;
  reports.push({ file, numErrors, numWarnings, messages: messages.filter((m) => m.severity < 2).map((m) => `${m.code} ${m.pointer}`) });
}
console.log(JSON.stringify(reports));
