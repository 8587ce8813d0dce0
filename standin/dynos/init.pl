#!/usr/bin/perl
# The first process that a dyno's jail runs: becomes the dyno's user, starts the command, carries its input and output, and
# signals every process of the dyno when told to. Perl, because Heroku's image has it and Node cannot be in there.
#
# File descriptor 7 carries a 4-byte length, the instructions (instructions.ts), and then lines with the names of signals.
# Everything arrives there and nothing in argv or the environment, so that no process but the dyno's own holds a config var.
use strict;
use warnings;
use Errno qw(EAGAIN EINTR);
use Fcntl qw(F_GETFL F_SETFL F_SETFD FD_CLOEXEC O_NOCTTY O_NONBLOCK O_RDWR);
use POSIX qw(:sys_wait_h);

use constant {CHUNK => 65536, RLIMIT_NPROC => 6, SYS_SETRLIMIT => 160, SYS_CAPSET => 126, CAPABILITY_VERSION_3 => 0x20080522, VEOF => "\x04"};
use constant {SYS_PRCTL => 157, PR_SET_DUMPABLE => 4};
use constant {TIOCSPTLCK => 0x40045431, TIOCGPTN => 0x80045430, TIOCSWINSZ => 0x5414};

open(my $control, '+<&=', 7) or die "dyno: no instructions: $!\n";
fcntl($control, F_SETFD, FD_CLOEXEC);
close_others();
my ($uid, $gid, $threads, $mode, $rows, $columns, $count, @rest) = instructions();
my @argv = splice(@rest, 0, $count);
my %variables = map { split(/=/, $_, 2) } @rest;

become($uid, $gid);
start() if $mode eq 'plain';

my ($to_child, $from_child, $terminal) = $mode eq 'terminal' ? terminal($rows, $columns) : ();
my ($child_in, $child_out);
if ($mode ne 'terminal') {
	pipe($child_in, $to_child) && pipe($from_child, $child_out) or die "dyno: pipe: $!\n";
}

# bwrap ends with the command's status, so what relays the output must outlive the signals that the dyno gets.
my @ignored = qw(ALRM HUP INT PIPE QUIT TERM TSTP USR1 USR2);
pipe(my $reaped, my $reap) or die "dyno: pipe: $!\n";
unblock($reap);
@SIG{@ignored} = ('IGNORE') x @ignored;
$SIG{CHLD} = sub { syswrite($reap, "\0") };

# A signal that comes while the child still ignores it has to wait until it doesn't.
my $held = POSIX::SigSet->new(map { POSIX->can("SIG$_")->() } @ignored);
POSIX::sigprocmask(POSIX::SIG_BLOCK(), $held);
my $child = fork() // die "dyno: fork: $!\n";
if (!$child) {
	@SIG{@ignored, 'CHLD'} = ('DEFAULT') x (@ignored + 1);
	POSIX::sigprocmask(POSIX::SIG_UNBLOCK(), $held);
	POSIX::setsid();
	# A session's leader that opens a terminal gets it as its controlling one.
	if ($terminal) { open($child_in, '+<', $terminal) or die "dyno: $terminal: $!\n"; $child_out = $child_in }
	POSIX::dup2(fileno($child_in), 0);
	POSIX::dup2(fileno($child_out), $_) for 1, 2;
	start();
}
close($_) for grep { defined } $child_in, $child_out;
# The dyno's processes have the same user, and this one's memory held the config vars of all of them.
syscall(SYS_PRCTL, PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 or die "dyno: prctl: $!\n";
exit(relay());

sub instructions {
	my $length = unpack('N', exactly(4));
	return split(/\0/, exactly($length), -1);
}

sub exactly {
	my ($length) = @_;
	my $bytes = '';
	while (length($bytes) < $length) {
		my $got = sysread($control, $bytes, $length - length($bytes), length($bytes));
		next if !defined($got) && $! == EINTR;
		die "dyno: the instructions broke off\n" if !$got;
	}
	return $bytes;
}

# Whoever started the stand-in may have left it more open files than it knows of.
sub close_others {
	opendir(my $files, '/proc/self/fd') or die "dyno: /proc/self/fd: $!\n";
	my @open = grep { /^\d+$/ && $_ > 2 && $_ != fileno($control) && $_ != fileno($files) } readdir($files);
	POSIX::close($_) for @open;
}

sub become {
	my ($uid, $gid) = @_;
	return if $< == $uid;
	$) = "$gid $gid";
	POSIX::setgid($gid);
	POSIX::setuid($uid);
	# setuid leaves the inheritable capabilities.
	my ($header, $none) = (pack('L2', CAPABILITY_VERSION_3, 0), pack('L6', (0) x 6));
	syscall(SYS_CAPSET, $header, $none) == 0 or die "dyno: capset: $!\n";
	die "dyno: cannot become user $uid: $!\n" if $< != $uid || $> != $uid || $( !~ /^$gid( $gid)*$/ || $) !~ /^$gid( $gid)*$/;
}

sub start {
	if ($threads ne '') {
		my $limit = pack('Q2', $threads, $threads);
		syscall(SYS_SETRLIMIT, RLIMIT_NPROC, $limit) == 0 or die "dyno: setrlimit: $!\n";
	}
	chdir('/app') or die "dyno: /app: $!\n";
	%ENV = %variables;
	my ($program, @arguments) = @argv;
	exec {$program} $program =~ s{.*/}{}r, @arguments or die "dyno: $program: $!\n";
}

sub terminal {
	my ($rows, $columns) = @_;
	sysopen(my $master, '/dev/ptmx', O_RDWR | O_NOCTTY) or die "dyno: /dev/ptmx: $!\n";
	my $number = pack('i', 0);
	ioctl($master, TIOCSPTLCK, $number) && ioctl($master, TIOCGPTN, $number) or die "dyno: terminal: $!\n";
	ioctl($master, TIOCSWINSZ, pack('S4', $rows, $columns, 0, 0)) or die "dyno: terminal: $!\n";
	return ($master, $master, '/dev/pts/' . unpack('i', $number));
}

sub unblock {
	my ($handle) = @_;
	fcntl($handle, F_SETFL, fcntl($handle, F_GETFL, 0) | O_NONBLOCK);
}

# Moves bytes both ways, holding at most two chunks of each, until the command has ended and all that it wrote is handed on.
sub relay {
	unblock($_) for \*STDIN, \*STDOUT, $control, $to_child, $from_child, $reaped;
	my ($input, $output, $status) = ('', '', undef);
	my ($input_open, $output_open, $control_open, $signals) = (1, 1, 1, '');
	while (1) {
		if (defined($status)) {
			# A pipe holds at most 1 MiB; what processes that stay behind write from now on is not waited for.
			for (1 .. 16) { last if !$output_open || !take($from_child, \$output, \$output_open) }
			$output_open = 0;
			return $status if $output eq '';
		}
		my ($readable, $writable) = ('', '');
		vec($readable, fileno($reaped), 1) = 1;
		vec($readable, fileno($control), 1) = 1 if $control_open;
		vec($readable, 0, 1) = 1 if $input_open && length($input) < CHUNK;
		vec($readable, fileno($from_child), 1) = 1 if $output_open && length($output) < CHUNK;
		vec($writable, 1, 1) = 1 if $output ne '';
		vec($writable, fileno($to_child), 1) = 1 if $to_child && $input ne '';
		next if select($readable, $writable, undef, undef) < 0;

		if (vec($readable, fileno($reaped), 1)) {
			sysread($reaped, my $ignored, CHUNK);
			if (waitpid($child, WNOHANG) == $child) {
				$status = WIFSIGNALED($?) ? 128 + WTERMSIG($?) : WEXITSTATUS($?);
			}
		}
		if ($control_open && vec($readable, fileno($control), 1)) {
			take($control, \$signals, \$control_open);
			# Linux's kill(-1) reaches every process of the namespace but its first and the caller, all at one moment.
			kill($1, -1) while $signals =~ s/^([A-Z]+)\n//;
		}
		if ($input_open && vec($readable, 0, 1)) {
			take(\*STDIN, \$input, \$input_open);
			$input .= VEOF if !$input_open && $terminal;
		}
		take($from_child, \$output, \$output_open) if $output_open && vec($readable, fileno($from_child), 1);
		give(\*STDOUT, \$output) if $output ne '';
		if ($to_child && $input ne '' && !give($to_child, \$input)) { $input = ''; $input_open = 0 }
		if ($to_child && !$terminal && !$input_open && $input eq '') { close($to_child); undef $to_child }
	}
}

# Reads what is there; false when that is nothing. The end (a terminal without a user reports it as EIO) closes the flag.
sub take {
	my ($handle, $buffer, $open) = @_;
	my $got = sysread($handle, $$buffer, CHUNK, length($$buffer));
	return 1 if $got;
	$$open = 0 if defined($got) || ($! != EAGAIN && $! != EINTR);
	return 0;
}

# Writes what fits; false when nobody reads any more.
sub give {
	my ($handle, $buffer) = @_;
	my $put = syswrite($handle, $$buffer);
	if (defined($put)) { substr($$buffer, 0, $put, ''); return 1 }
	return 1 if $! == EAGAIN || $! == EINTR;
	$$buffer = '';
	return 0;
}
