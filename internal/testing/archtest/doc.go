// Package archtest tests the structure of this module: which package may import which, which libraries are restricted
// to one package, and which names are restricted to the commands.
//
// It is separate because no package can state rules about all others. The rules are data in table_test.go. Do not
// change them to make a build pass: an entry changes together with a record in docs/decisions that gives the reason.
//
// The linter's depguard repeats the rules about third-party packages, so that editors show them. This package also
// covers what depguard cannot: packages without a row in the table, single names, and the number of calls of a
// function.
package archtest
