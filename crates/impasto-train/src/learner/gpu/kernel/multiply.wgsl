        // Adds the products of what stands in `left` and `right` to this thread's sums.
#for i in DEPTH
        {
            let b0 = right[$iu * COLUMN_QUADS + tx];
            let b1 = right[$iu * COLUMN_QUADS + COLUMN_THREADS + tx];
#for q in ROW_QUADS
            let a_$q = left[$iu * BLOCK_QUADS + $qu * ROW_THREADS + ty];
            sum_#(4*$q+0)_0 = fma(vec4<f32>(a_$q.x), b0, sum_#(4*$q+0)_0);
            sum_#(4*$q+0)_1 = fma(vec4<f32>(a_$q.x), b1, sum_#(4*$q+0)_1);
            sum_#(4*$q+1)_0 = fma(vec4<f32>(a_$q.y), b0, sum_#(4*$q+1)_0);
            sum_#(4*$q+1)_1 = fma(vec4<f32>(a_$q.y), b1, sum_#(4*$q+1)_1);
            sum_#(4*$q+2)_0 = fma(vec4<f32>(a_$q.z), b0, sum_#(4*$q+2)_0);
            sum_#(4*$q+2)_1 = fma(vec4<f32>(a_$q.z), b1, sum_#(4*$q+2)_1);
            sum_#(4*$q+3)_0 = fma(vec4<f32>(a_$q.w), b0, sum_#(4*$q+3)_0);
            sum_#(4*$q+3)_1 = fma(vec4<f32>(a_$q.w), b1, sum_#(4*$q+3)_1);
#end
        }
#end
