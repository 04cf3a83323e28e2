// Assembles and disassembles BPF with a libLLVM given by its path, through LLVM's C interface.
//
// A line in, a line out. `D el HEX` gives the text of the instruction, `A eb STATEMENT` its bytes in hex; a line
// with `!` alone means that LLVM refused. Statements are assembled in a child, as LLVM ends the process on some.
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void *lib;

static void *need(const char *name)
{
	void *symbol = dlsym(lib, name);
	if (!symbol) {
		fprintf(stderr, "libLLVM has no %s\n", name);
		exit(2);
	}
	return symbol;
}

#define CALL(type, name, ...) ((type)need(#name))(__VA_ARGS__)
typedef void *(*pointer_fn)();
typedef void (*void_fn)();
typedef int (*int_fn)();
typedef size_t (*size_fn)();

static uint64_t number(const uint8_t *at, int bytes, int big)
{
	uint64_t value = 0;
	for (int i = 0; i < bytes; i++)
		value |= (uint64_t)at[big ? bytes - 1 - i : i] << (8 * i);
	return value;
}

// The bytes of section `.text` of a 64-bit ELF file.
static void print_text(const uint8_t *elf, size_t size, int big)
{
	uint64_t headers = number(elf + 40, 8, big);
	int count = number(elf + 60, 2, big), names = number(elf + 62, 2, big);
	const uint8_t *strings = elf + number(elf + headers + names * 64 + 24, 8, big);
	for (int i = 0; i < count; i++) {
		const uint8_t *header = elf + headers + i * 64;
		if (strcmp((const char *)strings + number(header, 4, big), ".text") != 0)
			continue;
		uint64_t at = number(header + 24, 8, big), len = number(header + 32, 8, big);
		for (uint64_t j = 0; j < len && at + j < size; j++)
			printf("%02x", elf[at + j]);
	}
	printf("\n");
}

static void assemble(const char *triple, int big, const char *statement)
{
	void *context = CALL(pointer_fn, LLVMContextCreate);
	void *module = CALL(pointer_fn, LLVMModuleCreateWithNameInContext, "m", context);
	char text[512];
	int len = snprintf(text, sizeof text, ".text\n%s\n", statement);
	CALL(void_fn, LLVMSetTarget, module, triple);
	CALL(void_fn, LLVMSetModuleInlineAsm2, module, text, (size_t)len);
	void *target = NULL, *buffer = NULL;
	char *error = NULL;
	if (CALL(int_fn, LLVMGetTargetFromTriple, triple, &target, &error))
		exit(2);
	void *machine = CALL(pointer_fn, LLVMCreateTargetMachine, target, triple, "v4", "", 0, 0, 0);
	if (CALL(int_fn, LLVMTargetMachineEmitToMemoryBuffer, machine, module, 1, &error, &buffer))
		exit(1);
	const uint8_t *start = CALL(pointer_fn, LLVMGetBufferStart, buffer);
	print_text(start, CALL(size_fn, LLVMGetBufferSize, buffer), big);
	fflush(stdout);
	_exit(0);
}

static void disassemble(const char *triple, const char *hex)
{
	uint8_t bytes[16];
	size_t len = 0;
	for (; len < sizeof bytes && hex[2 * len] && hex[2 * len + 1]; len++) {
		unsigned byte;
		sscanf(hex + 2 * len, "%2x", &byte);
		bytes[len] = byte;
	}
	static void *decoders[2];
	void **decoder = &decoders[triple[4] == 'b'];
	if (!*decoder)
		*decoder = CALL(pointer_fn, LLVMCreateDisasmCPU, triple, "v4", NULL, 0, NULL, NULL);
	char text[256];
	size_t used = CALL(size_fn, LLVMDisasmInstruction, *decoder, bytes, (uint64_t)len, (uint64_t)0, text,
			   sizeof text);
	for (char *c = text; used && *c; c++)
		if (*c == '\t')
			*c = ' ';
	printf("%s\n", used == len ? text : "!");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	lib = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
	if (!lib) {
		fprintf(stderr, "expected a libLLVM: %s\n", argc > 1 ? dlerror() : "no path");
		return 2;
	}
	CALL(void_fn, LLVMInitializeBPFTargetInfo);
	CALL(void_fn, LLVMInitializeBPFTarget);
	CALL(void_fn, LLVMInitializeBPFTargetMC);
	CALL(void_fn, LLVMInitializeBPFAsmParser);
	CALL(void_fn, LLVMInitializeBPFAsmPrinter);
	CALL(void_fn, LLVMInitializeBPFDisassembler);
	char line[512];
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (strlen(line) < 6)
			continue;
		int big = line[3] == 'b';
		const char *triple = big ? "bpfeb" : "bpfel";
		if (line[0] == 'D') {
			disassemble(triple, line + 5);
			continue;
		}
		pid_t child = fork();
		if (child == 0)
			assemble(triple, big, line + 5);
		int status;
		waitpid(child, &status, 0);
		if (status != 0) {
			printf("!\n");
			fflush(stdout);
		}
	}
	return 0;
}
