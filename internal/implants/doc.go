// Package implants is the domain: the notifications of implantations and explantations, the rules that their content
// must follow, and who may report, read and change them.
//
// It is separate so that every decision can be read and tested without XML, HTTP or SQL: callers arrive as values made
// from a verified signature, all state comes through one interface, [Store], and time and identifiers are injected.
// Start with rules.go (what is rejected and what only gives a warning). Who may is decided in package authorization.
//
// Sources of the domain facts: the Royal Decree of 27 September 2020 on the Central Tracing Register (ten categories
// of implants), the register's manual of December 2021, and the identifiers in the packages ident and udi.
package implants
