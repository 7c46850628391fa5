#include "cap_words.h"

#include "util.h"

#include <strings.h>

static const char *const text_names[CAP_TEXT_COUNT] = {
	[CAP_EVENT] = "event",
	[CAP_HEADLINE] = "headline",
	[CAP_DESCRIPTION] = "description",
	[CAP_INSTRUCTION] = "instruction",
	[CAP_PROJECTION] = "projection",
	[CAP_END_HEADLINE] = "end_headline",
	[CAP_END_DESCRIPTION] = "end_description",
	[CAP_NORMAL] = "normal",
	[CAP_SENSOR_EVENT] = "sensor_event",
	[CAP_SENSOR_HEADLINE] = "sensor_headline",
	[CAP_SENSOR_DESCRIPTION] = "sensor_description",
	[CAP_SENSOR_INSTRUCTION] = "sensor_instruction",
	[CAP_SENSOR_END_HEADLINE] = "sensor_end_headline",
	[CAP_SENSOR_END_DESCRIPTION] = "sensor_end_description",
	[CAP_TEST_HEADLINE] = "test_headline",
};

struct vocabulary {
	const char *tag; /* the primary subtag */
	const char *text[CAP_TEXT_COUNT], *cause[CAUSE_COUNT];
};

static const struct vocabulary vocabularies[] = {
	{
		.tag = "vi",
		.text =
			{
				[CAP_EVENT] = "Ngập lụt",
				[CAP_HEADLINE] = "{name}: {level_name}, {value} {unit}",
				[CAP_DESCRIPTION] =
					("{name}, {phenomenon_time}: {cause}. Giá trị {value} {unit}, "
                                         "ngưỡng {threshold} {unit}, đỉnh {peak} {unit}."),
				[CAP_INSTRUCTION] = ("Tránh xa đường ngập và bờ sông. Thực hiện theo hướng "
                                                     "dẫn của chính quyền."),
				[CAP_PROJECTION] = ("Dự kiến đạt {projected_level_name} vào khoảng "
                                                    "{projected_time}."),
				[CAP_END_HEADLINE] = "{name}: đã kết thúc, {value} {unit}",
				[CAP_END_DESCRIPTION] = ("{name}, {phenomenon_time}: trở lại {level_name}. "
                                                         "Đỉnh {peak} {unit}."),
				[CAP_NORMAL] = "mức bình thường",
				[CAP_SENSOR_EVENT] = "Sự cố trạm đo",
				[CAP_SENSOR_HEADLINE] = "{name}, {property}: {cause}",
				[CAP_SENSOR_DESCRIPTION] = ("{name}, {property}, {phenomenon_time}: {cause}. "
                                                            "Chưa nên dựa vào số liệu của trạm này."),
				[CAP_SENSOR_END_HEADLINE] = "{name}, {property}: đã hoạt động trở lại",
				[CAP_TEST_HEADLINE] = "{name}: cảnh báo thử, xin bỏ qua",
			},
		.cause =
			{
				[CAUSE_THRESHOLD] = "vượt ngưỡng",
				[CAUSE_RATE] = "thay đổi nhanh",
				[CAUSE_RAIN] = "mưa lớn",
				[CAUSE_STALE] = "không có số liệu",
				[CAUSE_DEAD] = "cảm biến ngừng hoạt động",
				[CAUSE_SENSOR_ERROR] = "lỗi cảm biến",
				[CAUSE_LOW_BATTERY] = "pin yếu",
				[CAUSE_PROJECTION] = "dự kiến sẽ đạt mức tiếp theo",
				[CAUSE_GROUP] = "nhiều trạm cùng vượt ngưỡng",
				[CAUSE_UPSTREAM] = "nước lớn từ thượng nguồn",
				[CAUSE_TEST] = "thử nghiệm",
			},
	},
	{
		.tag = "en",
		.text =
			{
				[CAP_EVENT] = "Flood",
				[CAP_HEADLINE] = "{name}: {level_name}, {value} {unit}",
				[CAP_DESCRIPTION] =
					("{name}, {phenomenon_time}: {cause}. Value {value} {unit}, "
                                         "limit {threshold} {unit}, peak {peak} {unit}."),
				[CAP_INSTRUCTION] = ("Keep away from flooded streets and river banks. Follow "
                                                     "the instructions of the authorities."),
				[CAP_PROJECTION] =
					"{projected_level_name} is expected at about {projected_time}.",
				[CAP_END_HEADLINE] = "{name}: over, {value} {unit}",
				[CAP_END_DESCRIPTION] = ("{name}, {phenomenon_time}: back to {level_name}. "
                                                         "Peak {peak} {unit}."),
				[CAP_NORMAL] = "normal",
				[CAP_SENSOR_EVENT] = "Failure of a measuring station",
				[CAP_SENSOR_HEADLINE] = "{name}, {property}: {cause}",
				[CAP_SENSOR_DESCRIPTION] = ("{name}, {property}, {phenomenon_time}: {cause}. "
                                                            "Do not rely on its values."),
				[CAP_SENSOR_END_HEADLINE] = "{name}, {property}: works again",
				[CAP_TEST_HEADLINE] = "{name}: test alert, please ignore",
			},
		.cause =
			{
				[CAUSE_THRESHOLD] = "limit passed",
				[CAUSE_RATE] = "rapid change",
				[CAUSE_RAIN] = "heavy rain",
				[CAUSE_STALE] = "no data",
				[CAUSE_DEAD] = "sensor given up",
				[CAUSE_SENSOR_ERROR] = "sensor error",
				[CAUSE_LOW_BATTERY] = "battery low",
				[CAUSE_PROJECTION] = "the next level is expected",
				[CAUSE_GROUP] = "several stations beyond their limits",
				[CAUSE_UPSTREAM] = "high water upstream",
				[CAUSE_TEST] = "test",
			},
	},
};

const char *cap_words_name(enum cap_text which)
{
	return text_names[which];
}

static const struct vocabulary *vocabulary_of(const char *tag)
{
	size_t length = strcspn(tag, "-");

	for (size_t i = 0; i < ARRAY_SIZE(vocabularies); i++) {
		if (length == strlen(vocabularies[i].tag) &&
		    strncasecmp(tag, vocabularies[i].tag, length) == 0) {
			return &vocabularies[i];
		}
	}
	return NULL;
}

const char *cap_words_text(const char *tag, enum cap_text which)
{
	const struct vocabulary *v = vocabulary_of(tag);

	return v != NULL ? v->text[which] : NULL;
}

const char *cap_words_cause(const char *tag, enum cause cause)
{
	const struct vocabulary *v = vocabulary_of(tag);

	return v != NULL ? v->cause[cause] : NULL;
}
