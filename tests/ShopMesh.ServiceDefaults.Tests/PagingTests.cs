namespace ShopMesh.Tests;

public sealed class PagingTests
{
    [Fact]
    public void A_cursor_gives_back_its_key()
    {
        string[] key = ["a b", "ü\"/+", ""];

        Assert.Equal(key, Cursor.Decode(Cursor.Encode(key), 3));
        Assert.Null(Cursor.Decode(null, 3));
    }

    [Fact]
    public void A_time_keeps_its_microseconds()
    {
        var at = new DateTimeOffset(2026, 11, 23, 20, 15, 30, TimeSpan.Zero).AddMicroseconds(123_456);
        var id = Guid.CreateVersion7();

        Assert.Equal((at, id), Cursor.DecodeTimeAndId(Cursor.Encode(at, id)));
    }

    [Theory]
    [InlineData("zzz")]
    [InlineData("!!!")]
    [InlineData("W10")]
    [InlineData("bnVsbA")]
    [InlineData("W251bGwsbnVsbF0")]
    [InlineData("WyJcdTAwMDAiLCJiIl0")]
    public void A_cursor_that_no_list_gave_out_is_refused(string cursor)
    {
        Assert.Throws<InvalidFieldException>(() => Cursor.Decode(cursor, 2));
        Assert.Throws<InvalidFieldException>(() => Cursor.DecodeTimeAndId(cursor));
    }

    [Fact]
    public void A_page_has_a_next_one_only_if_there_is_more()
    {
        Assert.Equal("2", Page.Of([1, 2, 3], 2, n => n, n => $"{n}").NextCursor);
        Assert.Null(Page.Of([1, 2], 2, n => n, n => $"{n}").NextCursor);
    }
}
