import { type Arm, isPicture } from '../arm.js';
import { fastest, type Policy } from './policy.js';

/** Everything on the device. */
export const local: Policy = { considers: (arm) => !arm.usesEdge, choose: fastest };

/** Everything at the edge: the input is sent as it is. */
export const offload: Policy = {
  considers: (arm) => sendsEverything(arm) && arm.codec === 'f32',
  choose: fastest,
};

/**
 * Everything at the edge, the input compressed: what every web app can do without cutting anything. JPEG or WebP where
 * the input is a picture, else 8 bits a value, else the input as it is.
 */
export const offloadCompressed: Policy = {
  considers: (arm, arms) => sendsEverything(arm) && strength(arm) === Math.max(...arms.map(strength)),
  choose: fastest,
};

function sendsEverything(arm: Arm): boolean {
  return arm.usesEdge && arm.cut === 0;
}

function strength(arm: Arm): number {
  if (!sendsEverything(arm)) return -1;
  if (isPicture(arm.codec)) return 2;
  return arm.codec === 'u8' || arm.codec === 'u8+deflate' ? 1 : 0;
}
