namespace ShopMesh;

public static class Clock
{
    /// <summary>Now, in the whole microseconds that PostgreSQL keeps: what is answered at once is what will be read later.</summary>
    public static DateTimeOffset GetUtcMicroseconds(this TimeProvider time)
    {
        var now = time.GetUtcNow();
        return now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMicrosecond));
    }
}
