// Package platform holds what all registers share: callers and the messages they sign, the values of the authentic
// sources, mandates and staff roles, audit events, and the frame in which every request runs: [InTransaction] and
// [ReadAndRecord] consume the message's replay key, act, and record the outcome in one transaction.
//
// It is separate so that a second register needs no code of the first one. It knows nothing of implants, and nothing of
// XML, HTTP or SQL: a register declares its own reader and writer, which embed [Reader] and [Writer], and the store
// implements them.
package platform
