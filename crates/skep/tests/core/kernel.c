// The types of a kernel on which much is elsewhere.
enum state { OFF, IDLE = 5, RUNNING = 7, DEAD = -9 };
struct place {
	long long y[8];
	int x;
};
struct task {
	long long flags;
	long long pid;
	struct place in;
	unsigned char before;
	unsigned int other : 7, level : 6, closing : 3;
	struct {
		char name[16];
		struct task *parent;
	};
};
struct task kernel_task;
enum state kernel_state;
