// Package apifuzz holds the REST interface to its own description. The whole of the product's own programs run: a data
// plane on virtual ports, the management daemon's roles in this process, a private PostgreSQL. Then two tests ask them, as
// every role and as nobody:
//
//   - the fuzzer: every operation that the description has, with valid and with spoiled input. No answer may be one that the
//     description does not have, none may be an error of the inside, and nothing may be done for who may not do it.
//   - the matrix: every operation once for each role, compared with a golden file that people read.
//
// Nothing imports it: it is tests. FCR_FUZZ_SEED repeats a run, FCR_FUZZ_SECONDS makes it longer.
package apifuzz
