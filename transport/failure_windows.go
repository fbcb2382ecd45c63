package transport

import "syscall"

// Errors of Windows sockets. The names of package syscall for most of them
// are numbers of its own, which no call returns.
const (
	wsaEMFILE       syscall.Errno = 10024
	wsaECONNABORTED syscall.Errno = 10053
	wsaECONNRESET   syscall.Errno = 10054
	wsaENOBUFS      syscall.Errno = 10055
	wsaETIMEDOUT    syscall.Errno = 10060
	wsaECONNREFUSED syscall.Errno = 10061

	errnoNetnameDeleted syscall.Errno = 64   // a reset, as overlapped calls report it
	errnoSemTimeout     syscall.Errno = 121  // a connect in vain, as overlapped calls report it
	errnoRefused        syscall.Errno = 1225 // a refused connect, as overlapped calls report it
)

// failureOfErrno sorts an error of the operating system, FailureNone if the
// general rules are to decide.
func failureOfErrno(code syscall.Errno) Failure {
	switch code {
	case wsaECONNREFUSED, errnoRefused, syscall.ECONNREFUSED:
		return FailureRefused
	case wsaECONNRESET, wsaECONNABORTED, errnoNetnameDeleted,
		syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE:
		return FailureReset
	case wsaETIMEDOUT, errnoSemTimeout, syscall.ETIMEDOUT:
		return FailureSilent
	}
	return FailureNone
}

// outOfSomething tells whether the host lacks memory or descriptors for now.
func outOfSomething(code syscall.Errno) bool {
	switch code {
	case wsaEMFILE, wsaENOBUFS, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM:
		return true
	}
	return false
}
