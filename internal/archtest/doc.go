// Package archtest holds, as tests only, the policy of this module about its own shape: which package may import
// which, which libraries belong to one package alone, and which names belong to the commands.
//
// It is separate because no package can state rules about all the others. The policy is data in table_test.go. It is
// not to be changed to make a build pass: an entry changes together with a record in docs/decisions that says why.
//
// The linter's depguard states the rules about third-party packages a second time, so that an editor shows them. This
// package also covers what depguard cannot: packages nobody has placed yet, single names, and how often one is called.
package archtest
