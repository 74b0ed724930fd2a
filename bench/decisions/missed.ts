/** Why a target is missed where it is: written by people, by the `what` of the target. */
export const reasons: Readonly<Record<string, string>> = {};
