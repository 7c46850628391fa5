/*
 * storm - a synthetic cloudburst over a low street. Invented, not observed.
 *
 * Depth rises along a sine to its peak in 25 minutes and then drains
 * exponentially (70 minutes to 1/e). At a peak of 0.35 m the fastest rise is
 * 22 mm in a minute, about the fastest that street sensors have seen of real
 * water (FloodNet NYC: 20 mm/min between samples). Rain falls as a triangle
 * over 40 minutes, heaviest after 12.
 *
 * Threads  [any]
 */
#ifndef HIGHWATER_EXAMPLES_STORM_H
#define HIGHWATER_EXAMPLES_STORM_H

/* Metres of water on the street; 0 before the start and once less than a millimetre is left. */
double storm_depth_m(double minutes_since_start, double peak_m);

/* Millimetres of rain in the minute before. */
double storm_rain_mm(double minutes_since_start);

#endif
