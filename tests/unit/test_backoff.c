#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backoff.h"

static void doubles_up_to_the_maximum(void **state)
{
	static const uint32_t spans[] = {100, 200, 400, 800, 1000, 1000, 1000};
	struct backoff b;

	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		backoff_init(&b, 100, 1000, seed);
		for (size_t i = 0; i < sizeof(spans) / sizeof(*spans); i++) {
			uint32_t wait = backoff_next_ms(&b);

			assert_in_range(wait, spans[i] / 2, spans[i]);
		}
	}
}

static void starts_again_after_a_success(void **state)
{
	struct backoff b;

	(void)state;
	backoff_init(&b, 100, 60000, 7);
	for (int i = 0; i < 20; i++)
		(void)backoff_next_ms(&b);
	backoff_reset(&b);
	assert_in_range(backoff_next_ms(&b), 50, 100);
}

static void brokers_that_start_together_do_not_return_together(void **state)
{
	unsigned tenth[10] = {0};

	(void)state;
	/* Seeds as a clock gives them: close to each other. */
	for (uint64_t seed = 1000; seed < 2000; seed++) {
		struct backoff b;

		backoff_init(&b, 1999, 60000, seed);
		tenth[(backoff_next_ms(&b) - 999) / 101]++;
	}
	for (int i = 0; i < 10; i++)
		assert_in_range(tenth[i], 50, 200);
}

static void survives_odd_limits(void **state)
{
	struct backoff b;

	(void)state;
	backoff_init(&b, 0, 0, 0);
	for (int i = 0; i < 5; i++)
		assert_in_range(backoff_next_ms(&b), 0, 1);
	backoff_init(&b, UINT32_MAX, UINT32_MAX, 1);
	for (int i = 0; i < 5; i++)
		assert_true(backoff_next_ms(&b) >= UINT32_MAX / 2);
	backoff_init(&b, 500, 100, 1);
	assert_in_range(backoff_next_ms(&b), 250, 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(doubles_up_to_the_maximum),
		cmocka_unit_test(starts_again_after_a_success),
		cmocka_unit_test(brokers_that_start_together_do_not_return_together),
		cmocka_unit_test(survives_odd_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
