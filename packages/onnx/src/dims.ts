import type { Model } from './model.js';

/** Dimensions by input name: `{x: [1, 3, 160, 160]}`. */
export type InputDims = Readonly<Record<string, readonly number[]>>;

/**
 * The model with the dimensions of some inputs fixed; a symbolic dimension that gets a number gets it everywhere.
 *
 * @throws OnnxError `unknown_name`, `dims_mismatch`
 */
export declare function fixDims(model: Model, dims: InputDims): Model;

/** Inputs that still have a dimension without a number, written as `x[?,3,height,?]`. */
export declare function dynamicInputs(model: Model): readonly string[];
