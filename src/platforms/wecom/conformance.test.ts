/** WeCom runs the conformance kit against its gateway on loopback. */
import { conformance } from '../../../testkit/conformance/conformance.ts';
import { descriptor } from './testing/descriptor.ts';

conformance(descriptor);
